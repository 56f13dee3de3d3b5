-- The tables that the statements in model-sql ask for, without rows: a schema for each of their databases.
CREATE SCHEMA california_schools;
CREATE TABLE california_schools.frpm (CDSCode text, "Academic Year" text, "County Code" text,
    "District Code" int, "School Code" text, "County Name" text, "District Name" text, "School Name" text,
    "District Type" text, "School Type" text, "Educational Option Type" text, "NSLP Provision Status" text,
    "Charter School (Y/N)" int, "Charter School Number" text, "Charter Funding Type" text, IRC int,
    "Low Grade" text, "High Grade" text, "Enrollment (K-12)" real, "Free Meal Count (K-12)" real,
    "Percent (%) Eligible Free (K-12)" real, "FRPM Count (K-12)" real,
    "Percent (%) Eligible FRPM (K-12)" real, "Enrollment (Ages 5-17)" real,
    "Free Meal Count (Ages 5-17)" real, "Percent (%) Eligible Free (Ages 5-17)" real,
    "FRPM Count (Ages 5-17)" real, "Percent (%) Eligible FRPM (Ages 5-17)" real,
    "2013-14 CALPADS Fall 1 Certification Status" int);
COMMENT ON TABLE california_schools.frpm IS 'free and reduced-price meal eligibility of schools';
CREATE TABLE california_schools.satscores (cds text, rtype text, sname text, dname text, cname text,
    enroll12 int, NumTstTakr int, AvgScrRead int, AvgScrMath int, AvgScrWrite int, NumGE1500 int);
COMMENT ON TABLE california_schools.satscores IS 'SAT test results';
COMMENT ON COLUMN california_schools.satscores.sname IS 'School name';
COMMENT ON COLUMN california_schools.satscores.dname IS 'District name';
COMMENT ON COLUMN california_schools.satscores.cname IS 'County name';
COMMENT ON COLUMN california_schools.satscores.enroll12 IS 'enrollment of grades 1-12';
COMMENT ON COLUMN california_schools.satscores.NumTstTakr IS 'Number of test takers';
COMMENT ON COLUMN california_schools.satscores.AvgScrRead IS 'Average reading score';
COMMENT ON COLUMN california_schools.satscores.AvgScrMath IS 'Average math score';
COMMENT ON COLUMN california_schools.satscores.AvgScrWrite IS 'Average writing score';
COMMENT ON COLUMN california_schools.satscores.NumGE1500 IS 'test takers with total score of 1500 or more';
CREATE TABLE california_schools.schools (CDSCode text PRIMARY KEY, NCESDist text, NCESSchool text,
    StatusType text, County text, District text, School text, Street text, StreetAbr text, City text,
    Zip text, State text, MailStreet text, MailStrAbr text, MailCity text, MailZip text, MailState text,
    Phone text, Ext text, Website text, OpenDate date, ClosedDate date, Charter int, CharterNum text,
    FundingType text, DOC text, DOCType text, SOC text, SOCType text, EdOpsCode text, EdOpsName text,
    EILCode text, EILName text, GSoffered text, GSserved text, Virtual text, Magnet int, Latitude real,
    Longitude real, AdmFName1 text, AdmLName1 text, AdmEmail1 text, AdmFName2 text, AdmLName2 text,
    AdmEmail2 text, AdmFName3 text, AdmLName3 text, AdmEmail3 text, LastUpdate date);
COMMENT ON TABLE california_schools.schools IS 'schools with address and administrators';
COMMENT ON COLUMN california_schools.schools.School IS 'School name';
COMMENT ON COLUMN california_schools.schools.GSoffered IS 'Grade span offered';
COMMENT ON COLUMN california_schools.schools.GSserved IS 'Grade span served';
COMMENT ON COLUMN california_schools.schools.AdmFName1 IS 'Administrator''s first name';
COMMENT ON COLUMN california_schools.schools.AdmLName1 IS 'Administrator''s last name';
ALTER TABLE california_schools.frpm ADD FOREIGN KEY (CDSCode) REFERENCES california_schools.schools(CDSCode);
ALTER TABLE california_schools.satscores ADD FOREIGN KEY (cds) REFERENCES california_schools.schools(CDSCode);
CREATE SCHEMA debit_card_specializing;
CREATE TABLE debit_card_specializing.customers (CustomerID int PRIMARY KEY, Segment text, Currency text);
CREATE TABLE debit_card_specializing.gasstations (GasStationID int PRIMARY KEY, ChainID int, Country text,
    Segment text);
CREATE TABLE debit_card_specializing.products (ProductID int PRIMARY KEY, Description text);
CREATE TABLE debit_card_specializing.transactions_1k (TransactionID int PRIMARY KEY, Date date, Time text,
    CustomerID int, CardID int, GasStationID int, ProductID int, Amount int, Price real);
CREATE TABLE debit_card_specializing.yearmonth (CustomerID int, Date text, Consumption real);
COMMENT ON TABLE debit_card_specializing.yearmonth IS 'monthly consumption of customers';
ALTER TABLE debit_card_specializing.yearmonth ADD FOREIGN KEY (CustomerID) REFERENCES debit_card_specializing.customers(CustomerID);
CREATE SCHEMA card_games;
CREATE TABLE card_games.cards (id int PRIMARY KEY, artist text, asciiName text, availability text,
    borderColor text, cardKingdomFoilId text, cardKingdomId text, colorIdentity text, colorIndicator text,
    colors text, convertedManaCost real, duelDeck text, edhrecRank int, faceConvertedManaCost real,
    faceName text, flavorName text, flavorText text, frameEffects text, frameVersion text, hand text,
    hasAlternativeDeckLimit int, hasContentWarning int, hasFoil int, hasNonFoil int, isAlternative int,
    isFullArt int, isOnlineOnly int, isOversized int, isPromo int, isReprint int, isReserved int,
    isStarter int, isStorySpotlight int, isTextless int, isTimeshifted int, keywords text, layout text,
    leadershipSkills text, life text, loyalty text, manaCost text, mcmId text, mcmMetaId text,
    mtgArenaId text, mtgjsonV4Id text, mtgoFoilId text, mtgoId text, multiverseId text, name text,
    number text, originalReleaseDate text, originalText text, originalType text, otherFaceIds text,
    power text, printings text, promoTypes text, purchaseUrls text, rarity text, scryfallId text,
    scryfallIllustrationId text, scryfallOracleId text, setCode text, side text, subtypes text,
    supertypes text, tcgplayerProductId text, text text, toughness text, type text, types text,
    uuid text UNIQUE, variations text, watermark text);
COMMENT ON TABLE card_games.cards IS 'Magic cards';
CREATE TABLE card_games.foreign_data (id int PRIMARY KEY, flavorText text, language text, multiverseid int,
    name text, text text, type text, uuid text);
COMMENT ON TABLE card_games.foreign_data IS 'cards in foreign languages';
CREATE TABLE card_games.legalities (id int PRIMARY KEY, format text, status text, uuid text);
COMMENT ON TABLE card_games.legalities IS 'legality of cards in formats';
CREATE TABLE card_games.sets (id int PRIMARY KEY, baseSetSize int, block text, booster text,
    code text UNIQUE, isFoilOnly int, isForeignOnly int, isNonFoilOnly int, isOnlineOnly int,
    isPartialPreview int, keyruneCode text, mcmId int, mcmIdExtras int, mcmName text, mtgoCode text,
    name text, parentCode text, releaseDate date, tcgplayerGroupId int, totalSetSize int, type text);
COMMENT ON TABLE card_games.sets IS 'card sets';
CREATE TABLE card_games.set_translations (id int PRIMARY KEY, language text, setCode text,
    translation text);
CREATE TABLE card_games.rulings (id int PRIMARY KEY, date date, text text, uuid text);
ALTER TABLE card_games.foreign_data ADD FOREIGN KEY (uuid) REFERENCES card_games.cards(uuid);
ALTER TABLE card_games.legalities ADD FOREIGN KEY (uuid) REFERENCES card_games.cards(uuid);
ALTER TABLE card_games.set_translations ADD FOREIGN KEY (setCode) REFERENCES card_games.sets(code);
ALTER TABLE card_games.rulings ADD FOREIGN KEY (uuid) REFERENCES card_games.cards(uuid);
CREATE SCHEMA codebase_community;
CREATE TABLE codebase_community.badges (Id int PRIMARY KEY, UserId int, Name text, Date timestamp);
CREATE TABLE codebase_community.comments (Id int PRIMARY KEY, PostId int, Score int, Text text,
    CreationDate timestamp, UserId int, UserDisplayName text);
CREATE TABLE codebase_community.postHistory (Id int PRIMARY KEY, PostHistoryTypeId int, PostId int,
    RevisionGUID text, CreationDate timestamp, UserId int, Text text, Comment text, UserDisplayName text);
CREATE TABLE codebase_community.postLinks (Id int PRIMARY KEY, CreationDate timestamp, PostId int,
    RelatedPostId int, LinkTypeId int);
CREATE TABLE codebase_community.posts (Id int PRIMARY KEY, PostTypeId int, AcceptedAnswerId int,
    CreaionDate timestamp, Score int, ViewCount int, Body text, OwnerUserId int, LasActivityDate timestamp,
    Title text, Tags text, AnswerCount int, CommentCount int, FavoriteCount int, LastEditorUserId int,
    LastEditDate timestamp, CommunityOwnedDate timestamp, ParentId int, ClosedDate timestamp,
    OwnerDisplayName text, LastEditorDisplayName text);
CREATE TABLE codebase_community.tags (Id int PRIMARY KEY, TagName text, Count int, ExcerptPostId int,
    WikiPostId int);
CREATE TABLE codebase_community.users (Id int PRIMARY KEY, Reputation int, CreationDate timestamp,
    DisplayName text, LastAccessDate timestamp, WebsiteUrl text, Location text, AboutMe text, Views int,
    UpVotes int, DownVotes int, AccountId int, Age int, ProfileImageUrl text);
CREATE TABLE codebase_community.votes (Id int PRIMARY KEY, PostId int, VoteTypeId int, CreationDate date,
    UserId int, BountyAmount int);
ALTER TABLE codebase_community.badges ADD FOREIGN KEY (UserId) REFERENCES codebase_community.users(Id);
ALTER TABLE codebase_community.comments ADD FOREIGN KEY (PostId) REFERENCES codebase_community.posts(Id);
ALTER TABLE codebase_community.comments ADD FOREIGN KEY (UserId) REFERENCES codebase_community.users(Id);
ALTER TABLE codebase_community.postHistory ADD FOREIGN KEY (PostId) REFERENCES codebase_community.posts(Id);
ALTER TABLE codebase_community.postHistory ADD FOREIGN KEY (UserId) REFERENCES codebase_community.users(Id);
ALTER TABLE codebase_community.postLinks ADD FOREIGN KEY (PostId) REFERENCES codebase_community.posts(Id);
ALTER TABLE codebase_community.postLinks ADD FOREIGN KEY (RelatedPostId) REFERENCES codebase_community.posts(Id);
ALTER TABLE codebase_community.posts ADD FOREIGN KEY (OwnerUserId) REFERENCES codebase_community.users(Id);
ALTER TABLE codebase_community.posts ADD FOREIGN KEY (LastEditorUserId) REFERENCES codebase_community.users(Id);
ALTER TABLE codebase_community.tags ADD FOREIGN KEY (ExcerptPostId) REFERENCES codebase_community.posts(Id);
ALTER TABLE codebase_community.votes ADD FOREIGN KEY (PostId) REFERENCES codebase_community.posts(Id);
ALTER TABLE codebase_community.votes ADD FOREIGN KEY (UserId) REFERENCES codebase_community.users(Id);
CREATE SCHEMA european_football_2;
CREATE TABLE european_football_2.Player_Attributes (id int PRIMARY KEY, player_fifa_api_id int,
    player_api_id int, date text, overall_rating int, potential int, preferred_foot text,
    attacking_work_rate text, defensive_work_rate text, crossing int, finishing int, heading_accuracy int,
    short_passing int, volleys int, dribbling int, curve int, free_kick_accuracy int, long_passing int,
    ball_control int, acceleration int, sprint_speed int, agility int, reactions int, balance int,
    shot_power int, jumping int, stamina int, strength int, long_shots int, aggression int,
    interceptions int, positioning int, vision int, penalties int, marking int, standing_tackle int,
    sliding_tackle int, gk_diving int, gk_handling int, gk_kicking int, gk_positioning int,
    gk_reflexes int);
CREATE TABLE european_football_2.Player (id int PRIMARY KEY, player_api_id int UNIQUE, player_name text,
    player_fifa_api_id int UNIQUE, birthday text, height int, weight int);
CREATE TABLE european_football_2.League (id int PRIMARY KEY, country_id int, name text);
CREATE TABLE european_football_2.Country (id int PRIMARY KEY, name text);
CREATE TABLE european_football_2.Team (id int PRIMARY KEY, team_api_id int UNIQUE, team_fifa_api_id int,
    team_long_name text, team_short_name text);
CREATE TABLE european_football_2.Team_Attributes (id int PRIMARY KEY, team_fifa_api_id int,
    team_api_id int, date text, buildUpPlaySpeed int, buildUpPlaySpeedClass text, buildUpPlayDribbling int,
    buildUpPlayDribblingClass text, buildUpPlayPassing int, buildUpPlayPassingClass text,
    buildUpPlayPositioningClass text, chanceCreationPassing int, chanceCreationPassingClass text,
    chanceCreationCrossing int, chanceCreationCrossingClass text, chanceCreationShooting int,
    chanceCreationShootingClass text, chanceCreationPositioningClass text, defencePressure int,
    defencePressureClass text, defenceAggression int, defenceAggressionClass text, defenceTeamWidth int,
    defenceTeamWidthClass text, defenceDefenderLineClass text);
CREATE TABLE european_football_2.Match (id int PRIMARY KEY, country_id int, league_id int, season text,
    stage int, date text, match_api_id int, home_team_api_id int, away_team_api_id int, home_team_goal int,
    away_team_goal int, home_player_1 int, home_player_2 int, away_player_1 int, away_player_2 int,
    goal text, shoton text, shotoff text, foulcommit text, card text, "cross" text, corner text,
    possession text);
ALTER TABLE european_football_2.Player_Attributes ADD FOREIGN KEY (player_fifa_api_id) REFERENCES european_football_2.Player(player_fifa_api_id);
ALTER TABLE european_football_2.Player_Attributes ADD FOREIGN KEY (player_api_id) REFERENCES european_football_2.Player(player_api_id);
ALTER TABLE european_football_2.League ADD FOREIGN KEY (country_id) REFERENCES european_football_2.Country(id);
ALTER TABLE european_football_2.Team_Attributes ADD FOREIGN KEY (team_api_id) REFERENCES european_football_2.Team(team_api_id);
ALTER TABLE european_football_2.Match ADD FOREIGN KEY (country_id) REFERENCES european_football_2.Country(id);
ALTER TABLE european_football_2.Match ADD FOREIGN KEY (league_id) REFERENCES european_football_2.League(id);
ALTER TABLE european_football_2.Match ADD FOREIGN KEY (home_team_api_id) REFERENCES european_football_2.Team(team_api_id);
ALTER TABLE european_football_2.Match ADD FOREIGN KEY (away_team_api_id) REFERENCES european_football_2.Team(team_api_id);
CREATE SCHEMA financial;
CREATE TABLE financial.account (account_id int PRIMARY KEY, district_id int, frequency text, date date);
CREATE TABLE financial.card (card_id int PRIMARY KEY, disp_id int, type text, issued date);
CREATE TABLE financial.client (client_id int PRIMARY KEY, gender text, birth_date date, district_id int);
CREATE TABLE financial.disp (disp_id int PRIMARY KEY, client_id int, account_id int, type text);
COMMENT ON TABLE financial.disp IS 'disposition: rights of clients over accounts';
CREATE TABLE financial.district (district_id int PRIMARY KEY, A2 text, A3 text, A4 text, A5 text, A6 text,
    A7 text, A8 int, A9 int, A10 real, A11 int, A12 real, A13 real, A14 int, A15 int, A16 int);
COMMENT ON COLUMN financial.district.A2 IS 'Name of the district';
COMMENT ON COLUMN financial.district.A3 IS 'Region of the district';
COMMENT ON COLUMN financial.district.A4 IS 'Number of inhabitants';
COMMENT ON COLUMN financial.district.A10 IS 'Ratio of urban inhabitants';
COMMENT ON COLUMN financial.district.A11 IS 'Average salary';
COMMENT ON COLUMN financial.district.A12 IS 'Unemployment rate in 1995';
COMMENT ON COLUMN financial.district.A13 IS 'Unemployment rate in 1996';
COMMENT ON COLUMN financial.district.A15 IS 'Number of committed crimes in 1995';
COMMENT ON COLUMN financial.district.A16 IS 'Number of committed crimes in 1996';
CREATE TABLE financial.loan (loan_id int PRIMARY KEY, account_id int, date date, amount int, duration int,
    payments real, status text);
CREATE TABLE financial."order" (order_id int PRIMARY KEY, account_id int, bank_to text, account_to int,
    amount real, k_symbol text);
CREATE TABLE financial.trans (trans_id int PRIMARY KEY, account_id int, date date, type text,
    operation text, amount int, balance int, k_symbol text, bank text, account int);
COMMENT ON TABLE financial.trans IS 'transactions';
ALTER TABLE financial.account ADD FOREIGN KEY (district_id) REFERENCES financial.district(district_id);
ALTER TABLE financial.card ADD FOREIGN KEY (disp_id) REFERENCES financial.disp(disp_id);
ALTER TABLE financial.client ADD FOREIGN KEY (district_id) REFERENCES financial.district(district_id);
ALTER TABLE financial.disp ADD FOREIGN KEY (client_id) REFERENCES financial.client(client_id);
ALTER TABLE financial.disp ADD FOREIGN KEY (account_id) REFERENCES financial.account(account_id);
ALTER TABLE financial.loan ADD FOREIGN KEY (account_id) REFERENCES financial.account(account_id);
ALTER TABLE financial."order" ADD FOREIGN KEY (account_id) REFERENCES financial.account(account_id);
ALTER TABLE financial.trans ADD FOREIGN KEY (account_id) REFERENCES financial.account(account_id);
CREATE SCHEMA formula_1;
CREATE TABLE formula_1.circuits (circuitId int PRIMARY KEY, circuitRef text, name text, location text,
    country text, lat real, lng real, alt int, url text);
CREATE TABLE formula_1.constructors (constructorId int PRIMARY KEY, constructorRef text, name text,
    nationality text, url text);
CREATE TABLE formula_1.drivers (driverId int PRIMARY KEY, driverRef text, number int, code text,
    forename text, surname text, dob date, nationality text, url text);
COMMENT ON COLUMN formula_1.drivers.dob IS 'date of birth';
CREATE TABLE formula_1.seasons (year int PRIMARY KEY, url text);
CREATE TABLE formula_1.races (raceId int PRIMARY KEY, year int, round int, circuitId int, name text,
    date date, time text, url text);
CREATE TABLE formula_1.constructorResults (constructorResultsId int PRIMARY KEY, raceId int,
    constructorId int, points real, status text);
CREATE TABLE formula_1.constructorStandings (constructorStandingsId int PRIMARY KEY, raceId int,
    constructorId int, points real, position int, positionText text, wins int);
CREATE TABLE formula_1.driverStandings (driverStandingsId int PRIMARY KEY, raceId int, driverId int,
    points real, position int, positionText text, wins int);
CREATE TABLE formula_1.lapTimes (raceId int, driverId int, lap int, position int, time text,
    milliseconds int);
CREATE TABLE formula_1.pitStops (raceId int, driverId int, stop int, lap int, time text, duration text,
    milliseconds int);
CREATE TABLE formula_1.qualifying (qualifyId int PRIMARY KEY, raceId int, driverId int, constructorId int,
    number int, position int, q1 text, q2 text, q3 text);
CREATE TABLE formula_1.status (statusId int PRIMARY KEY, status text);
CREATE TABLE formula_1.results (resultId int PRIMARY KEY, raceId int, driverId int, constructorId int,
    number int, grid int, position int, positionText text, positionOrder int, points real, laps int,
    time text, milliseconds int, fastestLap int, rank int, fastestLapTime text, fastestLapSpeed text,
    statusId int);
ALTER TABLE formula_1.races ADD FOREIGN KEY (year) REFERENCES formula_1.seasons(year);
ALTER TABLE formula_1.races ADD FOREIGN KEY (circuitId) REFERENCES formula_1.circuits(circuitId);
ALTER TABLE formula_1.constructorResults ADD FOREIGN KEY (raceId) REFERENCES formula_1.races(raceId);
ALTER TABLE formula_1.constructorResults ADD FOREIGN KEY (constructorId) REFERENCES formula_1.constructors(constructorId);
ALTER TABLE formula_1.constructorStandings ADD FOREIGN KEY (raceId) REFERENCES formula_1.races(raceId);
ALTER TABLE formula_1.constructorStandings ADD FOREIGN KEY (constructorId) REFERENCES formula_1.constructors(constructorId);
ALTER TABLE formula_1.driverStandings ADD FOREIGN KEY (raceId) REFERENCES formula_1.races(raceId);
ALTER TABLE formula_1.driverStandings ADD FOREIGN KEY (driverId) REFERENCES formula_1.drivers(driverId);
ALTER TABLE formula_1.lapTimes ADD FOREIGN KEY (raceId) REFERENCES formula_1.races(raceId);
ALTER TABLE formula_1.lapTimes ADD FOREIGN KEY (driverId) REFERENCES formula_1.drivers(driverId);
ALTER TABLE formula_1.pitStops ADD FOREIGN KEY (raceId) REFERENCES formula_1.races(raceId);
ALTER TABLE formula_1.pitStops ADD FOREIGN KEY (driverId) REFERENCES formula_1.drivers(driverId);
ALTER TABLE formula_1.qualifying ADD FOREIGN KEY (raceId) REFERENCES formula_1.races(raceId);
ALTER TABLE formula_1.qualifying ADD FOREIGN KEY (driverId) REFERENCES formula_1.drivers(driverId);
ALTER TABLE formula_1.qualifying ADD FOREIGN KEY (constructorId) REFERENCES formula_1.constructors(constructorId);
ALTER TABLE formula_1.results ADD FOREIGN KEY (raceId) REFERENCES formula_1.races(raceId);
ALTER TABLE formula_1.results ADD FOREIGN KEY (driverId) REFERENCES formula_1.drivers(driverId);
ALTER TABLE formula_1.results ADD FOREIGN KEY (constructorId) REFERENCES formula_1.constructors(constructorId);
ALTER TABLE formula_1.results ADD FOREIGN KEY (statusId) REFERENCES formula_1.status(statusId);
CREATE SCHEMA student_club;
CREATE TABLE student_club.event (event_id text PRIMARY KEY, event_name text, event_date text, type text,
    notes text, location text, status text);
CREATE TABLE student_club.major (major_id text PRIMARY KEY, major_name text, department text, college text);
CREATE TABLE student_club.zip_code (zip_code int PRIMARY KEY, type text, city text, county text,
    state text, short_state text);
CREATE TABLE student_club.attendance (link_to_event text, link_to_member text);
CREATE TABLE student_club.budget (budget_id text PRIMARY KEY, category text, spent real, remaining real,
    amount int, event_status text, link_to_event text);
CREATE TABLE student_club.expense (expense_id text PRIMARY KEY, expense_description text,
    expense_date text, cost real, approved text, link_to_member text, link_to_budget text);
CREATE TABLE student_club.income (income_id text PRIMARY KEY, date_received text, amount int, source text,
    notes text, link_to_member text);
CREATE TABLE student_club.member (member_id text PRIMARY KEY, first_name text, last_name text, email text,
    position text, t_shirt_size text, phone text, zip int, link_to_major text);
ALTER TABLE student_club.attendance ADD FOREIGN KEY (link_to_event) REFERENCES student_club.event(event_id);
ALTER TABLE student_club.attendance ADD FOREIGN KEY (link_to_member) REFERENCES student_club.member(member_id);
ALTER TABLE student_club.budget ADD FOREIGN KEY (link_to_event) REFERENCES student_club.event(event_id);
ALTER TABLE student_club.expense ADD FOREIGN KEY (link_to_member) REFERENCES student_club.member(member_id);
ALTER TABLE student_club.expense ADD FOREIGN KEY (link_to_budget) REFERENCES student_club.budget(budget_id);
ALTER TABLE student_club.income ADD FOREIGN KEY (link_to_member) REFERENCES student_club.member(member_id);
ALTER TABLE student_club.member ADD FOREIGN KEY (zip) REFERENCES student_club.zip_code(zip_code);
ALTER TABLE student_club.member ADD FOREIGN KEY (link_to_major) REFERENCES student_club.major(major_id);
CREATE SCHEMA superhero;
CREATE TABLE superhero.alignment (id int PRIMARY KEY, alignment text);
CREATE TABLE superhero.attribute (id int PRIMARY KEY, attribute_name text);
CREATE TABLE superhero.colour (id int PRIMARY KEY, colour text);
CREATE TABLE superhero.gender (id int PRIMARY KEY, gender text);
CREATE TABLE superhero.publisher (id int PRIMARY KEY, publisher_name text);
CREATE TABLE superhero.race (id int PRIMARY KEY, race text);
CREATE TABLE superhero.superhero (id int PRIMARY KEY, superhero_name text, full_name text, gender_id int,
    eye_colour_id int, hair_colour_id int, skin_colour_id int, race_id int, publisher_id int,
    alignment_id int, height_cm int, weight_kg int);
CREATE TABLE superhero.hero_attribute (hero_id int, attribute_id int, attribute_value int);
CREATE TABLE superhero.superpower (id int PRIMARY KEY, power_name text);
CREATE TABLE superhero.hero_power (hero_id int, power_id int);
ALTER TABLE superhero.superhero ADD FOREIGN KEY (gender_id) REFERENCES superhero.gender(id);
ALTER TABLE superhero.superhero ADD FOREIGN KEY (eye_colour_id) REFERENCES superhero.colour(id);
ALTER TABLE superhero.superhero ADD FOREIGN KEY (hair_colour_id) REFERENCES superhero.colour(id);
ALTER TABLE superhero.superhero ADD FOREIGN KEY (skin_colour_id) REFERENCES superhero.colour(id);
ALTER TABLE superhero.superhero ADD FOREIGN KEY (race_id) REFERENCES superhero.race(id);
ALTER TABLE superhero.superhero ADD FOREIGN KEY (publisher_id) REFERENCES superhero.publisher(id);
ALTER TABLE superhero.superhero ADD FOREIGN KEY (alignment_id) REFERENCES superhero.alignment(id);
ALTER TABLE superhero.hero_attribute ADD FOREIGN KEY (hero_id) REFERENCES superhero.superhero(id);
ALTER TABLE superhero.hero_attribute ADD FOREIGN KEY (attribute_id) REFERENCES superhero.attribute(id);
ALTER TABLE superhero.hero_power ADD FOREIGN KEY (hero_id) REFERENCES superhero.superhero(id);
ALTER TABLE superhero.hero_power ADD FOREIGN KEY (power_id) REFERENCES superhero.superpower(id);
CREATE SCHEMA thrombosis_prediction;
CREATE TABLE thrombosis_prediction.Examination (ID int, "Examination Date" date, "aCL IgG" real,
    "aCL IgM" real, ANA int, "ANA Pattern" text, "aCL IgA" int, Diagnosis text, KCT text, RVVT text,
    LAC text, Symptoms text, Thrombosis int);
COMMENT ON COLUMN thrombosis_prediction.Examination."aCL IgM" IS 'Anti-Cardiolipin antibody';
CREATE TABLE thrombosis_prediction.Patient (ID int PRIMARY KEY, SEX text, Birthday date, Description date,
    "First Date" date, Admission text, Diagnosis text);
COMMENT ON COLUMN thrombosis_prediction.Patient.Description IS 'first date of recorded data';
COMMENT ON COLUMN thrombosis_prediction.Patient."First Date" IS 'first came to the hospital';
COMMENT ON COLUMN thrombosis_prediction.Patient.Diagnosis IS 'disease names';
CREATE TABLE thrombosis_prediction.Laboratory (ID int, Date date, GOT int, GPT int, LDH int, ALP int,
    TP real, ALB real, UA real, UN int, CRE real, "T-BIL" real, "T-CHO" int, TG int, CPK int, GLU int,
    WBC real, RBC real, HGB real, HCT real, PLT int, PT real, APTT int, FG real, PIC int, TAT int,
    TAT2 int, "U-PRO" text, IGG int, IGA int, IGM int, CRP text, RA text, RF text, C3 int, C4 int,
    RNP text, SM text, SC170 text, SSA text, SSB text, CENTROMEA text, DNA text, "DNA-II" int);
COMMENT ON COLUMN thrombosis_prediction.Laboratory.GOT IS 'AST glutamic oxaloacetic transaminase';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.GPT IS 'ALT glutamic pyruvic transaminase';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.LDH IS 'Lactate dehydrogenase';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.ALP IS 'Alkaliphophatase';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.TP IS 'Total protein';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.ALB IS 'Albumin';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.UA IS 'Uric acid';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.UN IS 'Urea nitrogen';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.CRE IS 'Creatinine';
COMMENT ON COLUMN thrombosis_prediction.Laboratory."T-BIL" IS 'Total bilirubin';
COMMENT ON COLUMN thrombosis_prediction.Laboratory."T-CHO" IS 'Total cholesterol';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.TG IS 'Triglyceride';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.CPK IS 'Creatinine phosphokinase';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.GLU IS 'Blood glucose';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.WBC IS 'White blood cell';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.RBC IS 'Red blood cell';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.HGB IS 'Hemoglobin';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.HCT IS 'Hematocrit';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.PLT IS 'Platelet';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.PT IS 'Prothrombin time';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.FG IS 'Fibrinogen';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.IGG IS 'Immunoglobulin G';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.IGA IS 'Immunoglobulin A';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.IGM IS 'Immunoglobulin M';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.CRP IS 'C-reactive protein';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.RNP IS 'anti-ribonuclear protein';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.SM IS 'anti-SM';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.SC170 IS 'anti-scl70';
COMMENT ON COLUMN thrombosis_prediction.Laboratory.CENTROMEA IS 'anti-centromere';
ALTER TABLE thrombosis_prediction.Examination ADD FOREIGN KEY (ID) REFERENCES thrombosis_prediction.Patient(ID);
ALTER TABLE thrombosis_prediction.Laboratory ADD FOREIGN KEY (ID) REFERENCES thrombosis_prediction.Patient(ID);
CREATE SCHEMA toxicology;
CREATE TABLE toxicology.atom (atom_id text PRIMARY KEY, molecule_id text, element text);
CREATE TABLE toxicology.bond (bond_id text PRIMARY KEY, molecule_id text, bond_type text);
CREATE TABLE toxicology.connected (atom_id text, atom_id2 text, bond_id text);
CREATE TABLE toxicology.molecule (molecule_id text PRIMARY KEY, label text);
COMMENT ON COLUMN toxicology.molecule.label IS 'carcinogenic or not';
ALTER TABLE toxicology.atom ADD FOREIGN KEY (molecule_id) REFERENCES toxicology.molecule(molecule_id);
ALTER TABLE toxicology.bond ADD FOREIGN KEY (molecule_id) REFERENCES toxicology.molecule(molecule_id);
ALTER TABLE toxicology.connected ADD FOREIGN KEY (atom_id) REFERENCES toxicology.atom(atom_id);
ALTER TABLE toxicology.connected ADD FOREIGN KEY (atom_id2) REFERENCES toxicology.atom(atom_id);
ALTER TABLE toxicology.connected ADD FOREIGN KEY (bond_id) REFERENCES toxicology.bond(bond_id);
GRANT USAGE ON SCHEMA california_schools TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA california_schools TO agent_reader;
GRANT USAGE ON SCHEMA debit_card_specializing TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA debit_card_specializing TO agent_reader;
GRANT USAGE ON SCHEMA card_games TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA card_games TO agent_reader;
GRANT USAGE ON SCHEMA codebase_community TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA codebase_community TO agent_reader;
GRANT USAGE ON SCHEMA european_football_2 TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA european_football_2 TO agent_reader;
GRANT USAGE ON SCHEMA financial TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA financial TO agent_reader;
GRANT USAGE ON SCHEMA formula_1 TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA formula_1 TO agent_reader;
GRANT USAGE ON SCHEMA student_club TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA student_club TO agent_reader;
GRANT USAGE ON SCHEMA superhero TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA superhero TO agent_reader;
GRANT USAGE ON SCHEMA thrombosis_prediction TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA thrombosis_prediction TO agent_reader;
GRANT USAGE ON SCHEMA toxicology TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA toxicology TO agent_reader;
